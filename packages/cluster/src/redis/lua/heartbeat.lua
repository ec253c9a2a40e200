-- Renews a node's lease, and compares what it owns with what is recorded.
-- ARGV    5 node id · 6 run · 7 draining, '0' or '1', followed by the load (JSON)
--         8… for each stream that the node believes it owns: key, epoch, state, codecs (JSON)
-- Reply   { 1, notes, lost, missing, surplus }: lost and missing are keys, surplus is key, epoch, key, epoch, …
--         lost     somebody else has the stream by right, or it has ended
--         missing  the node has it by right, and the record does not say so: assert it
--         surplus  the record says the node has it, at a higher epoch than the node does or at all
--         { -2, notes } unknown · { -3, notes } another run has joined
-- Guarantee: right is who has the higher epoch, at equal epochs the larger node id. State and codecs of a stream that is
-- recorded at the same epoch are set to what the node says.
local node, run = ARGV[5], ARGV[6]
local current = redis.call('HGET', runs, node)
if not current or not redis.call('ZSCORE', leases, node) then return { -2, notes } end
if current ~= run then return { -3, notes } end
-- An announcement that somebody spoilt is had again by joining.
local is_json, announced = pcall(cjson.decode, redis.call('HGET', nodes, node) or '')
if not is_json or type(announced) ~= 'table' or announced.nodeId ~= node or announced.incarnation ~= run then
  note('node', node, '')
  return { -2, notes }
end

local before = redis.call('HGET', beats, node)
redis.call('HSET', beats, node, ARGV[7])
renew(node)
if not before or string.sub(before, 1, 1) ~= string.sub(ARGV[7], 1, 1) then
  emit('node_updated', 'node', redis.call('HGET', nodes, node) or '', 'beat', ARGV[7])
end

local names = {}
for index = 8, #ARGV, 4 do names[#names + 1] = ARGV[index] end
local texts = read_texts(names)

local lost, missing, surplus, named, mine = {}, {}, {}, {}, {}
for index = 8, #ARGV, 4 do
  local stream, epoch, state, codecs = ARGV[index], tonumber(ARGV[index + 1]), ARGV[index + 2], ARGV[index + 3]
  named[stream] = true
  local record = parse_stream(stream, texts[stream])
  if not record then
    if last_epoch(stream) >= epoch then lost[#lost + 1] = stream else missing[#missing + 1] = stream end
  elseif record.owner == node and record.run == run then
    mine[#mine + 1] = stream
    if record.epoch < epoch then
      missing[#missing + 1] = stream
    elseif record.epoch > epoch then
      surplus[#surplus + 1] = stream
      surplus[#surplus + 1] = digits(record.epoch)
    elseif record.epoch == epoch and (record.state ~= state or record.codecs ~= codecs) then
      record.state, record.codecs = state, codecs
      write_stream(stream, record)
      emit('stream_updated', 'stream', stream, 'record', shown(record))
    end
  elseif epoch > record.epoch or (epoch == record.epoch and is_larger(node, record.owner)) then
    missing[#missing + 1] = stream
  else
    lost[#lost + 1] = stream
  end
end

local indexed = owned_by(node, run)
if #indexed < #mine then
  for _, stream in ipairs(mine) do redis.call('ZADD', owners, 0, owner_tag(node, run) .. stream) end
end
for _, stream in ipairs(indexed) do
  if not named[stream] then
    local record = read_stream(stream)
    if record and record.owner == node and record.run == run then
      surplus[#surplus + 1] = stream
      surplus[#surplus + 1] = digits(record.epoch)
    end
  end
end
return { 1, notes, lost, missing, surplus }
