-- Ends a stream whose owner is dead.
-- ARGV    5 token · 6 stream · 7 epoch
-- Reply   { 1, notes } · { 0, notes } it has ended · { -4, notes } fenced · { -5, notes } another epoch, or the owner lives
-- Guarantee: compare-and-delete by epoch and by the owner's lease.
if not may_write(tonumber(ARGV[5])) then return { -4, notes } end
local record = read_stream(ARGV[6])
if not record then return { 0, notes } end
if record.epoch ~= tonumber(ARGV[7]) or is_alive(record.owner, record.run) then return { -5, notes } end
end_stream(ARGV[6], record)
return { 1, notes }
