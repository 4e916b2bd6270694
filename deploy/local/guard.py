"""Runs one server and sees to it that it never outlives the program that asked for it.

    python guard.py [--remove DIR] -- COMMAND ARG...

Started by `deploy.local.process`, never by hand; a file of its own because it runs without site
packages, in 20 ms. It writes the server's pid as one line, then reads commands (`term`, `kill`,
`pause`, `resume`) from standard input. End of input means that the parent is gone, whatever the way:
the server is killed and DIR removed. It exits with the server's code (128 + n for signal n).
"""

import os
import signal
import subprocess
import sys
import threading
import time

_PR_SET_PDEATHSIG = 1
_ORPHAN_POLL_S = 0.5


def _die_with_guard() -> None:
    """In the server, before exec: have Linux kill it should the guard itself be killed."""
    import ctypes  # Linux only

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _remove(directory: str) -> None:
    import shutil  # rare, and start-up counts

    # Several servers may share it: each guard does so after its server has ended, so the last does it all.
    shutil.rmtree(directory, ignore_errors=True)


def _obey(server: "subprocess.Popen[bytes]") -> None:
    """Carry out commands until the parent closes the pipe or dies."""
    signals = {"term": signal.SIGTERM, "kill": getattr(signal, "SIGKILL", signal.SIGTERM)}
    if sys.platform != "win32":
        signals |= {"pause": signal.SIGSTOP, "resume": signal.SIGCONT}
    for line in sys.stdin:
        server.send_signal(signals[line.strip()])


def _watch_parent(parent: int, orphaned: threading.Event) -> None:
    # The pipe stays open when the parent forked (multiprocessing) and its child lives on.
    while os.getppid() == parent and not orphaned.is_set():
        time.sleep(_ORPHAN_POLL_S)
    orphaned.set()


def main(argv: list[str]) -> None:
    """Run COMMAND until it ends or the parent does."""
    split = argv.index("--")
    options, command = argv[:split], argv[split + 1 :]
    parent = os.getppid()
    server = subprocess.Popen(  # noqa: S603  (our own command line)
        command,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        stderr=sys.stderr,
        preexec_fn=_die_with_guard if sys.platform == "linux" else None,  # noqa: PLW1509  (no thread runs yet)
    )
    sys.stdout.write(f"{server.pid}\n")
    sys.stdout.flush()
    orphaned = threading.Event()

    def end_with_parent() -> None:
        orphaned.wait()
        server.kill()
        if options:
            server.wait()
            _remove(options[1])

    def obey() -> None:
        _obey(server)
        orphaned.set()

    ending = threading.Thread(target=end_with_parent, daemon=True)
    ending.start()
    threading.Thread(target=obey, daemon=True).start()
    threading.Thread(target=_watch_parent, args=(parent, orphaned), daemon=True).start()
    code = server.wait()
    if orphaned.is_set():
        ending.join()
    sys.stdout.flush()
    os._exit(code if code >= 0 else 128 - code)  # a thread may hold standard input


if __name__ == "__main__":
    main(sys.argv[1:])
