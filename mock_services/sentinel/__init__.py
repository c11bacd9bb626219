"""The sentinel: name server of a lab that nothing may leave, which counts and refuses whatever tries to."""
