@{
    # Pester runs the blocks of a file in nested scopes, which the analyzer takes for unrelated ones; the helpers that
    # make test images change nothing of the user's, and are called as briefly as the cmdlets they stand beside.
    ExcludeRules = @(
        'PSUseDeclaredVarsMoreThanAssignments'
        'PSUseShouldProcessForStateChangingFunctions'
        'PSAvoidUsingPositionalParameters'
    )
}
