-- Adds a job.
-- ARGV    5 id · 6 source · 7 stream · 8 whether another source gives way, '0' or '1' · 9 how many jobs there may be
-- Reply   { 1, notes, record, what } what is 'added' or 'replaced' · { 0, notes, record } it is there already
--         { -5, notes, record } there is one with another source · { -6, notes } there are as many as there may be
-- Guarantee: a job is added once; its revision is above all that it ever had. One that is replaced keeps its node.
local id, source = ARGV[5], ARGV[6]
local text = redis.call('HGET', jobs, id)
local record = parse_job(id, text)
if record and record.source == source then return { 0, notes, text } end
if record and ARGV[8] ~= '1' then return { -5, notes, text } end
if not text and redis.call('HLEN', jobs) >= tonumber(ARGV[9]) then return { -6, notes } end
local revision = next_job_revision(id, record)
local added = { source = source, stream = ARGV[7], revision = revision }
if record then added.node, added.run = record.node, record.run end
return { 1, notes, write_job('job_added', id, added), record and 'replaced' or 'added' }
