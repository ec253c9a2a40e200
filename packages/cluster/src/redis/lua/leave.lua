-- Ends a node's lease at once: its streams become orphaned.
-- ARGV    5 node id · 6 run
-- Reply   { 1, notes }, or { 0, notes } when that run has no lease
-- Guarantee: another run of the node is left alone.
if not is_alive(ARGV[5], ARGV[6]) then return { 0, notes } end
drop_node(ARGV[5], ARGV[6])
return { 1, notes }
