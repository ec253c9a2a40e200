-- Changes state or codecs of a stream.
-- ARGV    5 stream · 6 node id · 7 run · 8 epoch · 9 state, '' to keep it · 10 codecs (JSON), '' to keep them
-- Reply   { 1, notes } · { 0, notes } when owner or epoch are not current
-- Guarantee: compare-and-set by owner, run and epoch; works for an orphan, too.
local record = read_stream(ARGV[5])
if not record or record.owner ~= ARGV[6] or record.run ~= ARGV[7] or record.epoch ~= tonumber(ARGV[8]) then
  return { 0, notes }
end
if ARGV[9] ~= '' then record.state = ARGV[9] end
if ARGV[10] ~= '' then record.codecs = ARGV[10] end
write_stream(ARGV[5], record)
emit('stream_updated', 'stream', ARGV[5], 'record', shown(record))
return { 1, notes }
