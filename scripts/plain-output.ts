// Set-up of the suites: programs they start write plain text, as into a pipe, also where the caller of the
// tests forces colours or is a CI.
delete process.env['FORCE_COLOR']
process.env['NO_COLOR'] = '1'
