-- ARGV[3..]: triples of 'scope:window', a seq and a KPI record as JSON. With a seq only the fields that have changed
-- since that version are there; the third answer tells the places of those for which another version is stored.
-- Numbers are taken over as text, so that they read back exactly as they were written. Strings are skipped; inside one
-- every quote is escaped, so that '"name":' cannot occur there. A list is taken over whole.
local changed, n = {}, 0
local again = {}
for i = 3, #ARGV, 3 do
  local name, base, json = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local key = p .. 'kpi:' .. name
  local seq = string.match(json, '"seq":(%d+)')
  local stored = call('HGET', key, 'seq')
  if stored and tonumber(stored) > tonumber(seq) then
    refused = refused + 1
  elseif base ~= '' and base ~= stored then
    again[#again + 1] = (i - 3) / 3
  else
    local fields, f = {}, 0
    json = string.gsub(json, '"(top_topics)":(%b[])', function(field, list)
      fields[1], fields[2], f = field, list, 2
      return '"v":0'
    end)
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
    elseif base == '' and call('HLEN', key) ~= f / 2 then
      call('DEL', key)
      call('HSET', key, unpack(fields, 1, f))
    end
    changed[n + 1] = 'kpi:' .. name
    changed[n + 2] = seq
    n = n + 2
  end
end
announce(changed, n)
return {before, refused, again}
