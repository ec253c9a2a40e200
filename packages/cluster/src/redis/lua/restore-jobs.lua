-- Brings back jobs that the store has lost.
-- ARGV    5… for each job: id, record (JSON as the store keeps it)
-- Reply   { 1, notes, how many were missing }
-- Guarantee: the higher revision counts, that of a removal as well.
local restored = 0
for index = 5, #ARGV, 2 do
  local id = ARGV[index]
  local said = parse_job(id, ARGV[index + 1])
  if said and said.revision > job_revision(id, read_job(id)) then
    write_job('job_added', id, said)
    restored = restored + 1
  end
end
return { 1, notes, restored }
