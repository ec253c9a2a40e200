-- Removes a job.
-- ARGV    5 id · 6 how many removed ones to remember
-- Reply   { 1, notes } · { 0, notes } there is none
-- Guarantee: that it was removed is remembered with a revision above the job's, of those removed last.
local id = ARGV[5]
local record = read_job(id)
local revision = next_job_revision(id, record)
if redis.call('HDEL', jobs, id) == 0 then return { 0, notes } end
redis.call('ZADD', removed_jobs, digits(revision), id)
redis.call('ZREMRANGEBYRANK', removed_jobs, 0, -tonumber(ARGV[6]) - 1)
tell_job('job_removed', id, { revision = revision })
return { 1, notes }
