-- Tells whoever follows the events that an edge lost what it pulled.
-- ARGV    5 report (JSON)
-- Reply   { 1, notes }
-- Guarantee: none; a report is a hint.
emit('upstream_lost', 'report', ARGV[5])
return { 1, notes }
