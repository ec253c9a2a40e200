-- Makes a node the declared backup of an epoch.
-- ARGV    5 stream · 6 node id · 7 run · 8 epoch · 9 has a credential, '0' or '1' · 10 credential · 11 standby (JSON)
-- Reply   { 1, notes, record } · { 0, notes, record } refused · { 0, notes } it has ended
--         { -2, notes } the node has not joined
-- Guarantee: compare-and-set by epoch and credential. Takes the place of an appointed standby, or of a backup whose node
--            is dead; never that of one that lives, nor is an owner its own backup.
local stream, node, run = ARGV[5], ARGV[6], ARGV[7]
if not is_alive(node, run) then return { -2, notes } end
local record = read_stream(stream)
if not record then return { 0, notes } end
local credential = nil
if ARGV[9] == '1' then credential = ARGV[10] end
local is_fit = record.epoch == tonumber(ARGV[8]) and record.credential == credential
is_fit = is_fit and not (record.owner == node and record.run == run)
local backup = living_backup(record)
if not is_fit or (backup and not (backup.node == node and backup.run == run)) then
  return { 0, notes, shown(record) }
end
if record.standby ~= ARGV[11] then
  record.standby = ARGV[11]
  write_stream(stream, record)
  emit('stream_updated', 'stream', stream, 'record', shown(record))
end
return { 1, notes, shown(record) }
