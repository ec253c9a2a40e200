-- Names the node that follows a stream, or nobody.
-- ARGV    5 token · 6 stream · 7 epoch · 8 standby (JSON), '' for nobody
-- Reply   { 1, notes } · { 0, notes } it is so already · { -4, notes } fenced
--         { -5, notes } another epoch, or none, or a declared backup that lives
-- Guarantee: compare-and-set by epoch; a new epoch begins without a standby.
if not may_write(tonumber(ARGV[5])) then return { -4, notes } end
local record = read_stream(ARGV[6])
if not record or record.epoch ~= tonumber(ARGV[7]) then return { -5, notes } end
if (record.standby or '') == ARGV[8] then return { 0, notes } end
if living_backup(record) then return { -5, notes } end
record.standby = nil
if ARGV[8] ~= '' then record.standby = ARGV[8] end
write_stream(ARGV[6], record)
emit('stream_updated', 'stream', ARGV[6], 'record', shown(record))
return { 1, notes }
