-- ARGV[3..]: triples of 'trend:{scope}' or 'intervals:{scope}', start_at and the KPI record as JSON. Sorted sets by
-- start_at, the last 24 h.
local changed, n = {}, 0
for i = 3, #ARGV, 3 do
  local name, start, json = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local key = p .. name
  local newest = call('ZREVRANGE', key, 0, 0, 'WITHSCORES')[2]
  local stored = call('ZRANGEBYSCORE', key, start, start)[1]
  local oldest = (newest and tonumber(newest) or 0) - 86400000
  if tonumber(start) <= oldest then
    refused = refused + 1
  elseif stored and tonumber(string.match(stored, '"seq":(%d+)')) > tonumber(string.match(json, '"seq":(%d+)')) then
    refused = refused + 1
  elseif stored ~= json then
    if stored then call('ZREM', key, stored) end
    call('ZADD', key, start, json)
    if not newest or tonumber(start) > tonumber(newest) then
      call('ZREMRANGEBYSCORE', key, '-inf', tonumber(start) - 86400000)
    end
    changed[n + 1] = name
    changed[n + 2] = start
    n = n + 2
  end
end
announce(changed, n)
return {before, refused}
