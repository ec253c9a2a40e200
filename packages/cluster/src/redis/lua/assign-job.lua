-- Gives a job to a node.
-- ARGV    5 token · 6 id · 7 revision · 8 node id · 9 run
-- Reply   { 1, notes } · { 0, notes } it has it already · { -4, notes } fenced
--         { -5, notes } another revision, or none, or the node has no lease
-- Guarantee: compare-and-set by revision; nobody gets a job who is not there.
if not may_write(tonumber(ARGV[5])) then return { -4, notes } end
local id, node, run = ARGV[6], ARGV[8], ARGV[9]
local record = read_job(id)
if not record or record.revision ~= tonumber(ARGV[7]) then return { -5, notes } end
if record.node == node and record.run == run then return { 0, notes } end
if not is_alive(node, run) then return { -5, notes } end
record.revision, record.node, record.run = next_job_revision(id, record), node, run
write_job('job_assigned', id, record)
return { 1, notes }
