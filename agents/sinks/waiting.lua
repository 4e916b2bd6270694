-- ARGV[3] source partition, ARGV[4] its owner's epoch, ARGV[5..]: pairs of conversation_id and its state as JSON,
-- [waiting_since or null, [scope...], {metric: deadline}, {metric: policy}], or '' for a conversation that neither waits nor has a deadline.
-- 'owned:<partition>' keeps what was last written for each conversation, after the epoch that wrote it.
local owned, epochs = p .. 'owned:' .. ARGV[3], p .. 'epochs'
local epoch = tonumber(ARGV[4])
local stored = call('HGET', epochs, ARGV[3])
if stored and tonumber(stored) > epoch then return {before, (#ARGV - 4) / 2} end
call('HSET', epochs, ARGV[3], ARGV[4])

local touched, changed, n = {}, {}, 0
local function touch(scope)
  if not touched[scope] then
    touched[scope] = true
    changed[n + 1] = 'waiting:' .. scope
    changed[n + 2] = ARGV[4]
    n = n + 2
  end
end

for i = 5, #ARGV, 2 do
  local id, json = ARGV[i], ARGV[i + 1]
  local old, new = call('HGET', owned, id), nil
  local gone, undue, since = {}, {}, nil
  if old then
    local was = cjson.decode(string.match(old, '^%d+ (.*)$'))
    if was[1] ~= cjson.null then
      since = was[1]
      for _, scope in ipairs(was[2]) do gone[scope] = true end
    end
    for metric, deadline in pairs(was[3]) do undue[metric] = deadline end
  end
  if json ~= '' then
    new = cjson.decode(json)
    if new[1] ~= cjson.null then
      for _, scope in ipairs(new[2]) do
        if not gone[scope] or since ~= new[1] then
          touch(scope)
          call('ZADD', p .. 'waiting:' .. scope, new[1], id)
        end
        gone[scope] = nil
      end
    end
    for metric, deadline in pairs(new[3]) do
      if undue[metric] ~= deadline then call('ZADD', p .. 'sla:due', deadline, id .. '|' .. metric) end
      undue[metric] = nil
    end
    call('HSET', owned, id, ARGV[4] .. ' ' .. json)
  elseif old then
    call('HDEL', owned, id)
  end
  for scope in pairs(gone) do
    touch(scope)
    call('ZREM', p .. 'waiting:' .. scope, id)
  end
  for metric in pairs(undue) do call('ZREM', p .. 'sla:due', id .. '|' .. metric) end
  if n > 2000 then
    announce(changed, n)
    touched, changed, n = {}, {}, 0
  end
end
announce(changed, n)
return {before, 0}
