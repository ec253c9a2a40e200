-- Who leads.
-- ARGV    none
-- Reply   { 1, notes, holder, token } · { 0, notes }
-- Guarantee: nobody whose lease has run out.
local holder, token = read_leader()
if not holder then return { 0, notes } end
return { 1, notes, holder, digits(token) }
