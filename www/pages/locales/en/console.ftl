# The texts of the pages of administrators.

nav-people = People
nav-account = Your account

people-title = People
people-lead = Find somebody by the beginning of their e-mail address, their name or their last name.
people-query = Address or name
people-role = Role
people-role-any = Any role
people-status = State
people-status-any = Any state
people-status-locked = Locked
people-status-signed-in = Signed in
people-search = Search
people-caption = In the order of their addresses
people-who = Person
people-roles = Roles
people-state = State
people-since = Account since
people-open = Open
people-none = Nobody is like that. Ask for less, or for another spelling.
people-no-role = No role
people-next = Further people
people-first = From the beginning
people-wrong-query = This cannot be looked for. Use a few letters of an address or a name.

person-back = All people
person-facts = Account
person-email = E-mail address
person-id = Identifier
person-since = Account since
person-lock = Sign-in
person-locked-until = locked until
person-not-locked = open
person-confirm-lead = Changes want that you sign in shortly before.
person-confirm = Confirm that it is you
person-unlock = End the lock

person-roles = Roles
person-roles-hint = A change signs this person out everywhere; the next sign-in has the new roles.
person-roles-all = Roles of this person
person-roles-other = Further roles
person-roles-other-hint = Letters, digits and - _ . : with a blank between two.
person-roles-save = Save roles

roles-again-title = Save these roles?
roles-again-lead = They are not saved yet. Look at them, and save them.
roles-again-leave = Leave it, and go back to the person

person-sessions = Sessions
person-sessions-none = This person is not signed in anywhere.
person-session-end = End this session
person-session-sure = Whoever uses it is signed out there within a second.
person-session-yes = End the session
person-sessions-end = End all sessions
person-sessions-sure = This person is signed out everywhere within a second.
person-sessions-yes = End all of them

person-done-roles = The roles are saved.
person-done-unlock = The lock has ended.
person-done-session = The session has ended.
person-done-sessions = All sessions have ended.
