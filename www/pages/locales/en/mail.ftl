# What mails say. A sentence behind the greeting begins in lower case where the language has it so.

mail-greeting = Hello,
mail-copy-link = If the link cannot be opened, copy this address into your browser:
mail-closing = This mail was sent by a program. Nobody reads answers to it.

# What is known of an act, put together from the first to the last; the whole stands in a sentence below.
mail-told-when = on { $year }-{ $month }-{ $day } at { $time } UTC
mail-told-device = { $told }, with { $device }
mail-told-unlisted = an unknown program
mail-told-place = { $told }, from the network { $place }

mail-confirm-subject = Confirm your e-mail address
mail-confirm-what = somebody registered at { $site } with this e-mail address.
mail-confirm-you = If it was you, confirm the address within { $life }. Then sign in with the password that you chose.
mail-confirm-not-you = If it was not you, do nothing: no account is made without this link.
mail-confirm-link = Confirm the address

mail-known-subject = You have an account already
mail-known-what = somebody tried to register at { $site } with this e-mail address, which has an account already. Nothing was changed.
mail-known-you = If it was you, sign in as before. If you forgot the password, you can choose another one.
mail-known-not-you = If it was not you, there is nothing to do.
mail-known-link = I forgot my password

mail-reset-subject = Choose a new password
mail-reset-what = somebody asked for a new password for your account at { $site }.
mail-reset-you = If it was you, choose one within { $life }. It signs you out on every device, and the link works once.
mail-reset-not-you = If it was not you, do nothing: the password stays as it is.
mail-reset-link = Choose a new password

mail-not-you = If it was not you, choose a new password at once, which signs out every device:

mail-changed-subject = Your password was changed
mail-changed-what = the password of your account at { $site } was changed { $told }.

mail-locked-subject = Signing in is locked for a while
mail-locked-what = too many wrong passwords were tried for your account at { $site } { $told }. Signing in is locked for a while and opens again by itself; devices that are signed in stay so.
mail-locked-not-you = If it was not you, your password is still good, as long as nobody else knows it. A new one opens the lock:

mail-device-subject = A sign-in from a new device
mail-device-what = somebody signed in to your account at { $site } { $told }.

mail-reused-subject = A session was ended for safety
mail-reused-what = a session of your account at { $site } was ended { $told }: a key of it was used twice, so somebody may hold a copy. Sign in again to go on.
