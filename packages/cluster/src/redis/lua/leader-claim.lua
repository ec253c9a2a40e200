-- Takes the lease of leaders.
-- ARGV    5 holder · 6 the holder's wall clock, ms
-- Reply   { 1, notes, token } · { 0, notes, holder } somebody else has it
-- Guarantee: each token is above all that were granted and above every one that has written.
local holder = read_leader()
if holder and holder ~= ARGV[5] then return { 0, notes, holder } end
local last = whole(redis.call('HGET', leader, 'token')) or 0
local fence = whole(redis.call('HGET', clock, 'fence')) or 0
local token = math.max(last + 1, fence + 1, tonumber(ARGV[6]), wall_ms)
redis.call('HSET', leader, 'holder', ARGV[5], 'token', digits(token), 'ends', digits(now_ms + lease_ms))
return { 1, notes, digits(token) }
