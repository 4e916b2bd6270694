-- First lines of every script. KEYS[1] is the tenant's prefix 'sigap:{tenant}:', ARGV[1] the writer, ARGV[2] its batch number.
-- Answers with the number of the writer's batch before: a smaller one than it knows to be written means lost data.
local p = KEYS[1]
local call = redis.call
local before = tonumber(call('SET', p .. 'writer:' .. ARGV[1], ARGV[2], 'GET', 'PX', 86400000) or 0)
local refused = 0

local function announce(changed, n)
  if n > 0 then call('XADD', p .. 'updates', 'MAXLEN', '~', 10000, '*', unpack(changed, 1, n)) end
end
