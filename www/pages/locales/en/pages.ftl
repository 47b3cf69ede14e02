# The texts of the pages before a sign-in and around it. Ids say where a text stands; `www/pages/README.md` has the rules.

# In the title of a page whose form is shown again.
title-error = Error: { $title }

field-email = E-mail address
field-password = Password
field-new-password = New password
field-first-name = First name
field-last-name = Last name

frame-home = { $brand }, start page
frame-skip = Skip to the content
frame-languages = Languages
frame-start = Go to the start page
frame-sent = Sent. One moment …
frame-late = There is no answer yet. You can send it again.
frame-address-bar = Before you type a password, look at the address bar: it must be the site you meant to visit.

login-title = Sign in
login-submit = Sign in
login-forgot = Forgot your password?
login-new = New here?
login-register = Create an account
login-back = Back to sign in

register-title = Create an account
register-submit = Create account
register-known = Already have an account?
register-login = Sign in

password-hint = A long phrase that you use nowhere else. It needs { $wanted }.

step-up-title = Confirm that it is you
step-up-lead = What you are about to do needs your password once more.
step-up-submit = Confirm
resend-title = Thank you
resend-lead = It is you. What you were about to do has not been done yet.
resend-end-session = End the session
resend-end-all = End the sessions
resend-leave = Leave it

step-up-not-you = Not you?
step-up-sign-out = Sign out

sign-out-title = Sign out?
sign-out-lead = This ends your session on this device. Other devices stay signed in.
sign-out-submit = Sign out
sign-out-stay = Stay signed in

confirm-title = Confirm your address
confirm-lead = This makes the account that you registered with this e-mail address. If you did not register, close this page.
confirm-password-hint = The one that you chose when you registered. It is asked for because this is another browser.
confirm-submit = Confirm
confirm-done-title = Your address is confirmed
confirm-done = You have an account now. Sign in with the password that you chose.

forgot-title = Forgot your password?
forgot-lead = We send a link to your e-mail address. With it you choose a new password.
forgot-submit = Send the link

mailed-title = Look into your mailbox
mailed-register = We have written to this address. The mail says how to go on, and its link works for { $life }.
mailed-reset = If this address has an account, a mail with a link is on its way. The link works for { $life }.
life-minutes = { $number } minutes
life-hours = { $number } hours

reset-title = Choose a new password
reset-lead = It signs you out on every device.
reset-submit = Change the password
reset-done-title = Your password is changed
reset-done = Every device was signed out. Sign in with the new password.

challenge-needs-scripts = This step needs scripts: they show a challenge that keeps machines out.

nav-label = Your account
nav-signed-in-as = Signed in as
nav-sign-out = Sign out
nav-profile = Profile
nav-sessions = Sessions
