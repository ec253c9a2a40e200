-- Restores streams that the store has lost, as their owner knows them.
-- ARGV    5 node id · 6 run
--         7… for each stream: key, record (JSON as the store keeps it; its owner is the node)
-- Reply   { 1, notes, lost }: the keys that somebody else has by right · { -2, notes } the node has not joined
-- Guarantee: as in heartbeat.lua. An end that the store remembers is final for that epoch.
local node, run = ARGV[5], ARGV[6]
if not is_alive(node, run) then return { -2, notes } end
local lost = {}
for index = 7, #ARGV, 2 do
  local stream = ARGV[index]
  local said = parse_stream(stream, ARGV[index + 1])
  local record = read_stream(stream)
  if said and not record then
    local last = last_epoch(stream)
    if last > said.epoch then
      lost[#lost + 1] = stream
    elseif last < said.epoch then
      take_stream(stream, said, nil)
    end
  elseif said and record.owner == node and record.run == run then
    if record.epoch < said.epoch then take_stream(stream, said, record) end
  elseif said then
    if said.epoch > record.epoch or (said.epoch == record.epoch and is_larger(node, record.owner)) then
      take_stream(stream, said, record)
    else
      lost[#lost + 1] = stream
    end
  end
end
return { 1, notes, lost }
