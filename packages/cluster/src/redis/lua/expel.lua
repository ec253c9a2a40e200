-- Ends the lease of a node that is held for dead: its streams become orphaned.
-- ARGV    5 token · 6 node id · 7 run · 8 how long it must have been silent, ms
-- Reply   { 1, notes } · { 0, notes } that run has no lease · { -4, notes } fenced · { -5, notes } it has beaten since
-- Guarantee: a beat that came before this call keeps the node.
local node, run = ARGV[6], ARGV[7]
if not may_write(tonumber(ARGV[5])) then return { -4, notes } end
if not is_alive(node, run) then return { 0, notes } end
local ends = whole(redis.call('ZSCORE', leases, node)) or now_ms
if lease_ms - (ends - now_ms) < tonumber(ARGV[8]) then return { -5, notes } end
drop_node(node, run)
return { 1, notes }
