-- ARGV[3..]: pairs of 'scope:window' and the KPI record as JSON.
-- Numbers are taken over as text, so that they read back exactly as they were written. Strings are skipped; inside one
-- every quote is escaped, so that '"name":' cannot occur there.
local changed, n = {}, 0
for i = 3, #ARGV, 2 do
  local name, json = ARGV[i], ARGV[i + 1]
  local key = p .. 'kpi:' .. name
  local seq = string.match(json, '"seq":(%d+)')
  local stored = call('HGET', key, 'seq')
  if stored and tonumber(stored) > tonumber(seq) then
    refused = refused + 1
  else
    local fields, f = {}, 0
    for field, value in string.gmatch(json, '"([%w_]+)":([^,{}%[]+)') do
      if field ~= 'v' and string.byte(value) ~= 34 then
        if value == 'null' then value = '' end
        fields[f + 1] = field
        fields[f + 2] = value
        f = f + 2
      end
    end
    call('HSET', key, unpack(fields, 1, f))
    if not stored then
      call('SADD', p .. 'keys', name)
    elseif call('HLEN', key) ~= f / 2 then
      call('DEL', key)
      call('HSET', key, unpack(fields, 1, f))
    end
    changed[n + 1] = 'kpi:' .. name
    changed[n + 2] = seq
    n = n + 2
  end
end
announce(changed, n)
return {before, refused}
