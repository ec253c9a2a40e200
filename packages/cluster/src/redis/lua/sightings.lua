-- Lists the nodes whose lease runs, and how long each has been silent.
-- ARGV    none
-- Reply   { 1, notes, nodes }: announcement, beat, ms of silence, …
-- Guarantee: silence is measured in registry time.
local listed = {}
local found = redis.call('ZRANGE', leases, 0, -1, 'WITHSCORES')
for index = 1, #found, 2 do
  local node, ends = found[index], whole(found[index + 1])
  local announced, beat = redis.call('HGET', nodes, node), redis.call('HGET', beats, node)
  if ends and announced and beat and #announced <= max_record and #beat <= max_record then
    listed[#listed + 1] = announced
    listed[#listed + 1] = beat
    listed[#listed + 1] = digits(math.max(0, lease_ms - (ends - now_ms)))
  else
    note('node', node, announced or '')
  end
end
return { 1, notes, listed }
