-- The node is no backup of that epoch any more.
-- ARGV    5 stream · 6 node id · 7 run · 8 epoch
-- Reply   { 1, notes } · { 0, notes } it was not
-- Guarantee: compare-and-delete by epoch and by the declared backup.
local record = read_stream(ARGV[5])
local backup = record and declared_backup(record)
if not backup or backup.node ~= ARGV[6] or backup.run ~= ARGV[7] or record.epoch ~= tonumber(ARGV[8]) then
  return { 0, notes }
end
record.standby = nil
write_stream(ARGV[5], record)
emit('stream_updated', 'stream', ARGV[5], 'record', shown(record))
return { 1, notes }
