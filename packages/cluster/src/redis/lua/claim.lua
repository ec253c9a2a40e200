-- Gives a stream to a node at a new epoch.
-- ARGV    5 stream · 6 node id · 7 run · 8 relay address · 9 has a credential, '0' or '1' · 10 credential
--         11 may replace its own publisher, '0' or '1' · 12 highest epoch the node has seen · 13 the node's wall clock, ms
--         14 epoch at which the node serves the stream already, '0' where it does not
--         15 yields to a live publisher, '0' or '1' · 16 the epoch whose declared backup it is, '' for none
-- Reply   { 1, notes, record } · { 0, notes, record of the owner in the way } · { -2, notes } the node has not joined
-- Guarantee: the epoch is above the stored one and the seen one, and at least the wall clocks of node and server. One that
-- is served already stays as it is where it is above the stored one, or is the stored one and the node has it; it takes
-- nothing from a live publisher of another node at a higher epoch.
local stream, node, run = ARGV[5], ARGV[6], ARGV[7]
if not is_alive(node, run) then return { -2, notes } end
local credential = nil
if ARGV[9] == '1' then credential = ARGV[10] end

local current = read_stream(stream)
if current and is_alive(current.owner, current.run) then
  local may_take = false
  if ARGV[16] ~= '' then
    local backup = declared_backup(current)
    may_take = backup and current.epoch == tonumber(ARGV[16]) and backup.node == node and backup.run == run
  elseif current.state == 'interrupted' or ARGV[15] ~= '1' then
    local is_proven = credential ~= nil and current.credential == credential
    local is_own = ARGV[11] == '1' and current.owner == node and current.run == run
    local is_open = current.state == 'interrupted' and current.credential == nil
    may_take = is_proven or is_own or is_open
  end
  local is_other = current.owner ~= node or current.run ~= run
  if ARGV[14] ~= '0' and tonumber(ARGV[14]) < current.epoch and current.state ~= 'interrupted' and is_other then
    may_take = false
  end
  if not may_take then return { 0, notes, shown(current) } end
end

local last = current and current.epoch or last_epoch(stream)
local served = tonumber(ARGV[14])
local is_recorded = current and current.epoch == served and current.owner == node and current.run == run
local epoch = served
if served <= last and not is_recorded then
  epoch = math.max(last + 1, tonumber(ARGV[12]) + 1, served + 1, tonumber(ARGV[13]), wall_ms)
end
local record = {
  owner = node,
  run = run,
  relay = ARGV[8],
  credential = credential,
  state = 'live',
  codecs = '[]',
  since = digits(wall_ms),
  epoch = epoch,
}
take_stream(stream, record, current)
return { 1, notes, shown(record) }
