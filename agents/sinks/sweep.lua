-- ARGV[3] source partition, ARGV[4] its owner's epoch, ARGV[5] a cursor: removes what older owners left; answers with the next cursor.
local owned, epochs = p .. 'owned:' .. ARGV[3], p .. 'epochs'
local stored = call('HGET', epochs, ARGV[3])
if stored and tonumber(stored) > tonumber(ARGV[4]) then return {before, 1, '0'} end
call('HSET', epochs, ARGV[3], ARGV[4])
local page = call('HSCAN', owned, ARGV[5], 'COUNT', 200)
local changed, n, touched = {}, 0, {}
for i = 1, #page[2], 2 do
  local id = page[2][i]
  local epoch, json = string.match(page[2][i + 1], '^(%d+) (.*)$')
  if tonumber(epoch) < tonumber(ARGV[4]) then
    local was = cjson.decode(json)
    for _, scope in ipairs(was[2]) do
      call('ZREM', p .. 'waiting:' .. scope, id)
      if not touched[scope] then
        touched[scope] = true
        changed[n + 1] = 'waiting:' .. scope
        changed[n + 2] = ARGV[4]
        n = n + 2
      end
    end
    for metric in pairs(was[3]) do call('ZREM', p .. 'sla:due', id .. '|' .. metric) end
    call('HDEL', owned, id)
    if n > 2000 then
      announce(changed, n)
      changed, n, touched = {}, 0, {}
    end
  end
end
announce(changed, n)
return {before, 0, page[1]}
