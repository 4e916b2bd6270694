-- ARGV[3] real time in ms, ARGV[4] the run's clock in ms, ARGV[5] '1' if what is shown is durable, else '0'.
call('HSET', p .. 'meta', 'heartbeat_at', ARGV[3], 'now_at', ARGV[4], 'durable', ARGV[5])
return {before, 0}
