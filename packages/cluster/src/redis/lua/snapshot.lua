-- Lists everything, with the place in the event log that it belongs to.
-- ARGV    5 what to list: 'nodes', 'streams' or 'all'
-- Reply   { 1, notes, life, seq, id of the oldest event, id of the newest, nodes, streams }
--         nodes is announcement, beat, …; streams is key, record, …; ids are '0-0' when the log is empty
-- Guarantee: one moment; who follows the log from the newest id misses nothing.
local listed_nodes, listed_streams = {}, {}
if ARGV[5] ~= 'streams' then
  for _, node in ipairs(redis.call('ZRANGE', leases, 0, -1)) do
    local kept = { redis.call('HGET', nodes, node), redis.call('HGET', beats, node) }
    if kept[1] and kept[2] and #kept[1] <= max_record and #kept[2] <= max_record then
      listed_nodes[#listed_nodes + 1] = kept[1]
      listed_nodes[#listed_nodes + 1] = kept[2]
    else
      note('node', node, kept[1] or '')
    end
  end
end
if ARGV[5] ~= 'nodes' then
  local found = redis.call('HGETALL', streams)
  for index = 1, #found, 2 do
    local record = parse_stream(found[index], found[index + 1])
    if record then
      listed_streams[#listed_streams + 1] = found[index]
      listed_streams[#listed_streams + 1] = shown(record)
    end
  end
end
local oldest = redis.call('XRANGE', events, '-', '+', 'COUNT', 1)[1]
local newest = redis.call('XREVRANGE', events, '+', '-', 'COUNT', 1)[1]
local seq = redis.call('HGET', clock, 'seq')
return { 1, notes, life, seq, oldest and oldest[1] or '0-0', newest and newest[1] or '0-0', listed_nodes, listed_streams }
