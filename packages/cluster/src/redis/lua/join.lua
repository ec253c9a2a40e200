-- Announces a node, or a new run of it: the streams of the run before become orphaned.
-- ARGV    5 node id · 6 run · 7 announcement (JSON) · 8 draining, '0' or '1', followed by the load (JSON)
-- Reply   { 1, notes }
-- Guarantee: a run that comes back has again the streams that nobody has claimed meanwhile.
local node, run = ARGV[5], ARGV[6]
local current = redis.call('HGET', runs, node)
local was_known = current == run and is_alive(node, run)
if current and current ~= run then drop_node(node, current) end
redis.call('HSET', runs, node, run)
redis.call('HSET', nodes, node, ARGV[7])
redis.call('HSET', beats, node, ARGV[8])
renew(node)
if was_known then
  emit('node_updated', 'node', ARGV[7], 'beat', ARGV[8])
else
  emit('node_joined', 'node', ARGV[7], 'beat', ARGV[8])
  tell_streams_of(node, run)
end
return { 1, notes }
