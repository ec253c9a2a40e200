-- Refuses from now on what leaderships with a lower token write.
-- ARGV    5 token
-- Reply   { 1, notes } · { -4, notes } a higher one has been here
-- Guarantee: the highest token never falls while the store keeps its data.
if not may_write(tonumber(ARGV[5])) then return { -4, notes } end
return { 1, notes }
