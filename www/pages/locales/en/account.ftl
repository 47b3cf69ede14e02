# The pages about one's own account.

profile-title = Your account
profile-facts = Who you are
profile-name = Name
profile-no-name = No name was given
profile-email = E-mail address
profile-password = Password
profile-password-change = Change the password

password-title = Change your password
password-lead = Every other device is signed out.
password-current = Present password
password-submit = Change the password
password-stay = Keep it
password-changed = Your password is changed. Every other device was signed out.

sessions-title = Where you are signed in
sessions-lead = If you do not recognise one of these, end it and change your password.
sessions-column-device = Device
sessions-column-place = Network
sessions-column-began = Signed in
sessions-column-activity = Last activity
sessions-activity-hint = Last activity is when the device signed in, last renewed its sign-in or last used the pages of the account. A browser may renew by itself while a page is open, with nobody there. The device may still have been in use up to about { $minutes ->
    [one] 1 minute
   *[other] { $minutes } minutes
} after the time shown.
sessions-column-act = What you can do
sessions-device = { $browser } on { $system }
sessions-no-device = Unknown device
sessions-no-place = Not known
sessions-this = This device
sessions-end = End
sessions-end-one = End: { $device }
sessions-sign-out = Sign out
sessions-only-this = You are signed in on this device only.
sessions-end-all = Sign out everywhere

sessions-ended = The session is ended.
sessions-already-ended = That session had ended already.
sessions-others-ended = Every other device was signed out.
sessions-failed = This did not work, so the session is still there. Try again.
sessions-unanswered = It is not known whether the session has ended. Try again.

end-title = End this session?
end-lead = The device is signed out at once, and has to sign in again.
end-submit = End the session
end-stay = Keep it

end-all-title = Sign out everywhere?
end-all-lead = Devices are signed out at once, and have to sign in again.
end-all-others = Everywhere else
end-all-here-too = Everywhere, here too
end-all-stay = Stay signed in
