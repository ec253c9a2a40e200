-- Lists the jobs, when they are others than the caller knows.
-- ARGV    5 the version that the caller knows, or ''
-- Reply   { 1, notes, version, jobs } jobs is id, record, … · { 0, notes } nothing has changed
-- Guarantee: one moment; another version whenever anything has changed, also when the store lost its data.
local version = redis.call('HGET', clock, 'jobs')
if not version then
  version = ARGV[4]
  redis.call('HSET', clock, 'jobs', version)
end
if version == ARGV[5] then return { 0, notes } end
local listed = {}
local found = redis.call('HGETALL', jobs)
for index = 1, #found, 2 do
  if parse_job(found[index], found[index + 1]) then
    listed[#listed + 1] = found[index]
    listed[#listed + 1] = found[index + 1]
  end
end
return { 1, notes, version, listed }
