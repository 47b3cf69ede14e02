# What a person reads about a refusal. `error-` and a code of docs/HTTP.md in lower case; every code has one.

refusal-title = This did not work
refusal-unjudged = What you sent could not be checked, so nothing was done, and none of it is kept here. Your browser may still have it when you go back.

error-validation-failed = Some of it is not acceptable.
error-malformed-body = What was sent cannot be read.
error-unsupported-media-type = What was sent is of a kind that is not taken here.
error-body-too-large = What was sent is too large.
error-body-too-slow = What was sent took too long to arrive. Try again.
error-headers-too-large = Your browser sends too many cookies for this site. Delete them and try again.
error-path-too-long = This address is too long.
error-ambiguous-path = The address can be read in more than one way.
error-unclear-request = The proxy does not say clearly which page it asks about.
error-ambiguous-credentials = Your browser sent two sign-ins at once. Delete the cookies of this site and sign in again.
error-not-found = There is nothing here.
error-method-not-allowed = This cannot be opened directly. Go back and try again.
error-not-signed-in = Sign in first.
error-token-expired = Your sign-in has expired. Sign in again.
error-token-not-yet-valid = Your sign-in is not valid yet: two clocks disagree. Try again in a moment.
error-invalid-token = Your sign-in is not acceptable. Sign in again.
error-token-revoked = Your session was ended. Sign in again.
error-unknown-key = Your sign-in is not acceptable. Sign in again.
error-invalid-credentials = The e-mail address or the password is wrong.
error-account-locked = After too many wrong passwords, signing in with this address is locked.
error-weak-password = The password is too weak.
error-email-taken = This e-mail address is already registered.
error-last-admin = Nobody else administers this site. Give somebody else the role first.
error-stale-version = Somebody changed this meanwhile. Look at what it is now, and decide again.
error-version-required = What was sent does not say what it changes. Go back and try again.
error-no-refresh-token = Sign in first.
error-refresh-in-progress = Another tab is renewing your session. Try again in a moment.
error-invalid-refresh-token = Your sign-in has expired. Sign in again.
error-refresh-reused = Your session was ended to protect you. Sign in again.
error-step-up-required = Confirm that it is you first.
error-edge-proof-invalid = The way to this page is not set up as it must be.
error-edge-proof-required = The way to this page is not set up as it must be.
error-link-invalid = This link does not work any more.
error-captcha-required = Solve the challenge first.
error-captcha-invalid = The challenge was not solved; try again.
error-route-denied = No rule allows this.
error-address-not-allowed = This is not open to where you are.
error-insufficient-role = Your role does not allow this.
error-insufficient-scope = Your sign-in does not allow this.
error-csrf-invalid = This page was open for too long, or your browser did not keep its cookie. Allow cookies for this site and try again.
error-origin-refused = This was sent from another site, so it was refused.
error-proxy-not-trusted = The way to this page is not set up as it must be.
error-rate-limited = Too many attempts came from here.
error-internal = Something went wrong on our side.
error-upstream-failed = The site did not answer.
error-upstream-timeout = The site took too long to answer.
error-busy = Too much is going on; try again in a moment.
error-signing-unavailable = Nobody can be signed in at the moment; try again soon.
error-issuer-unavailable = The sign-in is not available.
error-keys-unavailable = Sign-ins cannot be checked at the moment.
error-revocations-unavailable = Sign-ins cannot be checked at the moment.
error-csrf-unavailable = Forms cannot be checked at the moment.
error-policy-invalid = The site is not set up as it must be.
error-edge-misconfigured = The site is not set up as it must be.

# After error-invalid-credentials.
attempts-left = { $count ->
    [0] Signing in with this address is now locked for a while.
    [one] 1 attempt is left before signing in with this address is locked.
   *[other] { $count } attempts are left before signing in with this address is locked.
}
# After a refusal that ends by itself.
wait-seconds = { $count ->
    [one] Try again in 1 second.
   *[other] Try again in { $count } seconds.
}
wait-minutes = { $count ->
    [one] Try again in 1 minute.
   *[other] Try again in { $count } minutes.
}

wrong-password = The password is wrong.
wrong-password-wait = The password is wrong. You can try again in a while.
wrong-password-locked = After too many wrong passwords, none is taken here for now.
wrong-other-password = The password is another one.
wrong-email = Type an e-mail address such as ada@example.com.
wrong-name = A name has at most { $count } characters, and no control characters.
wrong-role = A role has letters, digits and - _ . : and no more than { $count } of them.
wrong-roles = These are too many roles for one account.
wrong-password-unchanged = The new password is the one you have. Choose another.
wrong-password-needed = Type your password: you registered in another browser.
wrong-password-lacks = The password needs { $wanted }.
wrong-password-frequent = The password is one that is guessed first: a frequent word, a row of the keyboard, a repetition or your own name.

wanted-at-least = { $count ->
    [one] at least 1 character
   *[other] at least { $count } characters
}
wanted-at-most = { $count ->
    [one] at most 1 character
   *[other] at most { $count } characters
}
wanted-upper-case = an upper-case letter
wanted-lower-case = a lower-case letter
wanted-digit = a digit
wanted-special = a special character

# The last two of several parts of a sentence.
list-and = { $first } and { $last }
