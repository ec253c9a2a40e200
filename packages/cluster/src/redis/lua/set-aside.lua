-- Moves a key that holds something else out of the way; heartbeats rebuild what belongs there. Stands alone.
-- KEYS    1 the key · 2 where to put it, in the same slot
-- ARGV    1 the type it should have · 2 how long to keep what was there, ms
-- Reply   { 1 } moved · { 0 } the key is as it should be
-- Guarantee: nothing is deleted at once; what was set aside before under the same name is.
local held = redis.call('TYPE', KEYS[1]).ok
if held == 'none' or held == ARGV[1] then return { 0 } end
redis.call('RENAME', KEYS[1], KEYS[2])
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return { 1 }
