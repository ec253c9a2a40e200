-- Gives the lease of leaders up.
-- ARGV    5 holder · 6 token
-- Reply   { 1, notes } · { 0, notes } the leadership was over
-- Guarantee: compare-and-delete by holder and token; the token is remembered.
local holder, token = read_leader()
if holder ~= ARGV[5] or token ~= tonumber(ARGV[6]) then return { 0, notes } end
redis.call('HDEL', leader, 'holder', 'ends')
return { 1, notes }
