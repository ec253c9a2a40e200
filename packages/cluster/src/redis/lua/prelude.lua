-- What every script begins with; the generator puts it before each of them.
--
-- KEYS    the twelve keys of docs/redis-keys.md, in the order below; they share one hash tag, so one node has them all
-- ARGV    1 lease in ms · 2 events to keep · 3 ended streams to remember · 4 a fresh random name for the log's life
--         5… the script's own
-- Reply   { code, notes, … }: notes name what was unreadable and therefore ignored
-- Codes   0 refused or not there · 1 done · -1 a key holds something else: { -1, notes, key, its type }
--         -2 the node has not joined, or its lease has run out · -3 another run of the node has joined
--         -4 a later leadership has written · -5 what the call was based on is so no longer · -6 there is no room
--
-- Guarantee: each script is atomic, and finds leases that have run out before it does anything else. Time is Redis's own,
-- made monotonic: it never goes back, and while nobody called (Redis was away) it stands still, save a quarter of a lease.
local clock, leases, runs, nodes, beats = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local streams, owners, ended, events, leader = KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10]
local jobs, removed_jobs = KEYS[11], KEYS[12]
local notes = {}

local kinds = { 'hash', 'zset', 'hash', 'hash', 'hash', 'hash', 'zset', 'zset', 'stream', 'hash', 'hash', 'zset' }
for index, kind in ipairs(kinds) do
  local held = redis.call('TYPE', KEYS[index]).ok
  if held ~= 'none' and held ~= kind then return { -1, notes, KEYS[index], held } end
end

local max_epoch = 9007199254740990
local max_record = 16384

local function note(what, name, text)
  if #notes < 20 then notes[#notes + 1] = what .. ' ' .. string.sub(name, 1, 260) .. ' (' .. #text .. ' bytes)' end
end

local function digits(number)
  return string.format('%.0f', number)
end

-- A whole number that doubles hold exactly, or nil.
local function whole(text)
  local number = tonumber(text or '')
  if not number or number ~= math.floor(number) or number > max_epoch or number < -max_epoch then return nil end
  return number
end

-- Node ids are told apart by their bytes; Lua's own comparison depends on the locale.
local function is_larger(a, b)
  for index = 1, math.min(#a, #b) do
    local left, right = string.byte(a, index), string.byte(b, index)
    if left ~= right then return left > right end
  end
  return #a > #b
end

local lease_ms, wall_ms, now_ms, life = tonumber(ARGV[1]), 0, 0, ''

local function read_clock()
  local time = redis.call('TIME')
  wall_ms = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  local kept = redis.call('HMGET', clock, 'seen', 'skipped', 'seq', 'life')
  local seen, skipped = whole(kept[1]), whole(kept[2])
  life = kept[4]
  if not (seen and skipped and whole(kept[3]) and life) then
    -- A new store, or one without its clock: no lease can be judged, so everybody has to join again.
    seen, skipped, life = wall_ms, 0, ARGV[4]
    redis.call('DEL', leases, runs, nodes, beats)
    redis.call('HSET', clock, 'seq', '0', 'life', life)
  end
  local gap = wall_ms - seen
  if gap < 0 then
    skipped = skipped + gap
  elseif gap > lease_ms / 2 then
    skipped = skipped + gap - math.floor(lease_ms / 4)
  end
  redis.call('HSET', clock, 'seen', digits(wall_ms), 'skipped', digits(skipped))
  now_ms = wall_ms - skipped
end

local function emit(kind, ...)
  local seq = digits(redis.call('HINCRBY', clock, 'seq', 1))
  redis.call('XADD', events, 'MAXLEN', '~', ARGV[2], '*', 'life', life, 'seq', seq, 'type', kind, ...)
end

-- nodes --------------------------------------------------------------------------------------------------------------

local function is_alive(node, run)
  return redis.call('HGET', runs, node) == run and redis.call('ZSCORE', leases, node) ~= false
end

local function renew(node)
  redis.call('ZADD', leases, digits(now_ms + lease_ms), node)
end

-- No tag is the beginning of another one: the names carry their lengths.
local function owner_tag(node, run)
  return #node .. ':' .. node .. #run .. ':' .. run .. '/'
end

local function owned_by(node, run)
  local tag = owner_tag(node, run)
  local found = redis.call('ZRANGEBYLEX', owners, '[' .. tag, '(' .. tag .. '\255')
  for index, member in ipairs(found) do found[index] = string.sub(member, #tag + 1) end
  return found
end

-- streams ------------------------------------------------------------------------------------------------------------

local text_fields = { 'owner', 'run', 'relay', 'state', 'codecs', 'since' }

-- The record with its epoch as a number, or nil when it is not there or unreadable.
local function parse_stream(stream, text)
  if not text then return nil end
  if #text <= max_record then
    local is_json, record = pcall(cjson.decode, text)
    if is_json and type(record) == 'table' then
      local epoch = type(record.epoch) == 'string' and whole(record.epoch)
      local is_record = epoch and epoch > 0 and (record.credential == nil or type(record.credential) == 'string')
      is_record = is_record and (record.standby == nil or type(record.standby) == 'string')
      for _, field in ipairs(text_fields) do is_record = is_record and type(record[field]) == 'string' end
      is_record = is_record and whole(record.since) and (record.state == 'live' or record.state == 'interrupted')
      if is_record then
        record.epoch = epoch
        return record
      end
    end
  end
  note('stream', stream, text)
  return nil
end

local function read_stream(stream)
  return parse_stream(stream, redis.call('HGET', streams, stream))
end

-- Texts of records by stream. So many are read at once as Lua surely hands over in one call.
local function read_texts(names)
  local texts = {}
  for first = 1, #names, 1000 do
    local last = math.min(first + 999, #names)
    local found = redis.call('HMGET', streams, unpack(names, first, last))
    for index = first, last do texts[names[index]] = found[index - first + 1] end
  end
  return texts
end

local function copy_of(record)
  local copy = { credential = record.credential, standby = record.standby, epoch = digits(record.epoch) }
  for _, field in ipairs(text_fields) do copy[field] = record[field] end
  return copy
end

-- As it reads from outside: a stream whose owner has no lease is orphaned.
local function shown(record)
  local copy = copy_of(record)
  if copy.state ~= 'ended' and not is_alive(record.owner, record.run) then copy.state = 'orphaned' end
  return cjson.encode(copy)
end

local function write_stream(stream, record)
  redis.call('HSET', streams, stream, cjson.encode(copy_of(record)))
end

local function take_stream(stream, record, former)
  if former then redis.call('ZREM', owners, owner_tag(former.owner, former.run) .. stream) end
  redis.call('ZREM', ended, stream)
  redis.call('ZADD', owners, 0, owner_tag(record.owner, record.run) .. stream)
  write_stream(stream, record)
  emit('stream_claimed', 'stream', stream, 'record', shown(record))
end

-- An epoch that no claim of a stream without a record has exceeded; 0 when there was none.
local function last_epoch(stream)
  local epoch = whole(redis.call('ZSCORE', ended, stream)) or whole(redis.call('HGET', clock, 'floor')) or 0
  return math.max(0, epoch)
end

local function remember_end(stream, epoch)
  redis.call('ZADD', ended, digits(epoch), stream)
  local excess = redis.call('ZCARD', ended) - tonumber(ARGV[3])
  if excess <= 0 then return end
  -- The lowest epochs go, and become a floor under all streams that are not remembered: none can fall.
  local gone = redis.call('ZPOPMIN', ended, excess)
  local floor = math.max(whole(redis.call('HGET', clock, 'floor')) or 0, whole(gone[#gone]) or 0)
  redis.call('HSET', clock, 'floor', digits(floor))
end

local function end_stream(stream, record)
  redis.call('HDEL', streams, stream)
  redis.call('ZREM', owners, owner_tag(record.owner, record.run) .. stream)
  remember_end(stream, record.epoch)
  record.state, record.relay = 'ended', ''
  emit('stream_ended', 'stream', stream, 'record', shown(record))
end

-- Node and run of the declared backup, or nil. An appointed standby is none.
local function declared_backup(record)
  if not record.standby then return nil end
  local is_json, standby = pcall(cjson.decode, record.standby)
  if not is_json or type(standby) ~= 'table' or standby.publishes ~= true then return nil end
  if type(standby.node) ~= 'string' or type(standby.run) ~= 'string' then return nil end
  return standby
end

local function living_backup(record)
  local backup = declared_backup(record)
  return backup and is_alive(backup.node, backup.run) and backup or nil
end

-- jobs ---------------------------------------------------------------------------------------------------------------

-- The record with its revision as a number, or nil when it is not there or unreadable.
local function parse_job(id, text)
  if not text then return nil end
  if #text <= max_record then
    local is_json, record = pcall(cjson.decode, text)
    if is_json and type(record) == 'table' then
      local revision = type(record.revision) == 'string' and whole(record.revision)
      local is_record = revision and revision > 0 and type(record.source) == 'string' and type(record.stream) == 'string'
      local has_node = type(record.node) == 'string' and type(record.run) == 'string'
      if is_record and (has_node or (record.node == nil and record.run == nil)) then
        record.revision = revision
        return record
      end
    end
  end
  note('job', id, text)
  return nil
end

local function read_job(id)
  return parse_job(id, redis.call('HGET', jobs, id))
end

-- The revision up to which a job is known, there or removed; 0 when it is not.
local function job_revision(id, record)
  return record and record.revision or whole(redis.call('ZSCORE', removed_jobs, id)) or 0
end

local function next_job_revision(id, record)
  return math.max(job_revision(id, record) + 1, wall_ms)
end

-- Every change gives the jobs a version that they never had before.
local function tell_job(kind, id, record)
  redis.call('HSET', clock, 'jobs', ARGV[4])
  local revision = digits(record.revision)
  if record.node and kind ~= 'job_removed' then
    emit(kind, 'job', id, 'revision', revision, 'node', record.node, 'run', record.run)
  else
    emit(kind, 'job', id, 'revision', revision)
  end
end

local function write_job(kind, id, record)
  redis.call('ZREM', removed_jobs, id)
  local text = { source = record.source, stream = record.stream, revision = digits(record.revision) }
  text.node, text.run = record.node, record.run
  text = cjson.encode(text)
  redis.call('HSET', jobs, id, text)
  tell_job(kind, id, record)
  return text
end

-- leaders ------------------------------------------------------------------------------------------------------------

-- False when a leadership with a higher token has written; otherwise none with a lower one will from now on.
local function may_write(token)
  local highest = whole(redis.call('HGET', clock, 'fence')) or 0
  if token < highest then return false end
  if token > highest then redis.call('HSET', clock, 'fence', digits(token)) end
  return true
end

-- Holder and token of the leadership that runs, or nil.
local function read_leader()
  local kept = redis.call('HMGET', leader, 'holder', 'token', 'ends')
  local token, ends = whole(kept[2]), whole(kept[3])
  if not kept[1] or not token or not ends or ends <= now_ms then return nil end
  return kept[1], token
end

-- expiry -------------------------------------------------------------------------------------------------------------

local function tell_streams_of(node, run)
  for _, stream in ipairs(owned_by(node, run)) do
    local record = read_stream(stream)
    if record then emit('stream_updated', 'stream', stream, 'record', shown(record)) end
  end
end

local function drop_node(node, run)
  redis.call('ZREM', leases, node)
  redis.call('HDEL', runs, node)
  redis.call('HDEL', nodes, node)
  redis.call('HDEL', beats, node)
  emit('node_left', 'node', node, 'run', run)
  tell_streams_of(node, run)
end

read_clock()
for _, node in ipairs(redis.call('ZRANGEBYSCORE', leases, '-inf', digits(now_ms))) do
  local run = redis.call('HGET', runs, node)
  if run then drop_node(node, run) else redis.call('ZREM', leases, node) end
end
