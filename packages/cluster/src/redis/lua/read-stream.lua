-- Reads one stream.
-- ARGV    5 stream
-- Reply   { 1, notes, record } · { 0, notes }
-- Guarantee: orphaned exactly when its owner has no lease at this moment.
local record = read_stream(ARGV[5])
if not record then return { 0, notes } end
return { 1, notes, shown(record) }
