-- Lets the lease of leaders run anew.
-- ARGV    5 holder · 6 token
-- Reply   { 1, notes } · { 0, notes } the leadership is over
-- Guarantee: compare-and-set by holder and token; what has run out is not renewed.
local holder, token = read_leader()
if holder ~= ARGV[5] or token ~= tonumber(ARGV[6]) then return { 0, notes } end
redis.call('HSET', leader, 'ends', digits(now_ms + lease_ms))
return { 1, notes }
