-- ARGV[3..]: pairs of alert_id and the alert as JSON. 'alerts:last' knows the entry that an id was last sent in, as long
-- as the stream holds it: the same content is not added again, another (a breach after its retraction) is.
local key, last = p .. 'alerts', p .. 'alerts:last'
for i = 3, #ARGV, 2 do
  local id, json = ARGV[i], ARGV[i + 1]
  local entry = call('HGET', last, id)
  local held = entry and call('XRANGE', key, entry, entry)[1]
  if held and held[2][4] == json then
    refused = refused + 1
  else
    if call('XLEN', key) >= 10000 then
      local oldest = call('XRANGE', key, '-', '+', 'COUNT', 1)[1]
      call('XTRIM', key, 'MAXLEN', 9999)
      if call('HGET', last, oldest[2][2]) == oldest[1] then call('HDEL', last, oldest[2][2]) end
    end
    call('HSET', last, id, call('XADD', key, '*', 'alert_id', id, 'alert', json))
  end
end
return {before, refused}
