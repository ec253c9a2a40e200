-- Ends a stream; its epoch is remembered.
-- ARGV    5 stream · 6 node id · 7 run · 8 epoch
-- Reply   { 1, notes } · { 0, notes } when owner or epoch are not current
-- Guarantee: compare-and-delete by owner, run and epoch.
local stream = ARGV[5]
local record = read_stream(stream)
if not record or record.owner ~= ARGV[6] or record.run ~= ARGV[7] or record.epoch ~= tonumber(ARGV[8]) then
  return { 0, notes }
end
end_stream(stream, record)
return { 1, notes }
