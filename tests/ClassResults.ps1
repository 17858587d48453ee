# Dot-sourced by what runs the suites elsewhere: what came of a class of tests, and how it is said.

function Add-ClassResult([psobject]$Result, [string]$Path) {
    <# Adds what xUnit has written to a file. #>
    $tests = ([xml](Get-Content -LiteralPath $Path -Raw)).SelectNodes('//test')
    $Result.Passed = @($tests.Where({ $_.result -eq 'Pass' })).Count
    $Result.Failures = @($tests.Where({ $_.result -eq 'Fail' }).ForEach({ "$($_.name): $($_.failure.message.InnerText)" }))
    $Result.Skipped = @($tests.Where({ $_.result -eq 'Skip' }).ForEach({ "$($_.reason.InnerText)" }))
}

function Show-Result([object[]]$Result, [string]$Where) {
    <# Counts by suite, then why tests were skipped for what this system lacks, then what has failed. #>
    foreach ($suite in $Result | Group-Object Suite) {
        $passed = ($suite.Group.Passed | Measure-Object -Sum).Sum
        $failed = @($suite.Group | ForEach-Object { $_.Failures }).Count
        $skipped = @($suite.Group | ForEach-Object { $_.Skipped }).Count
        # As `dotnet test` says it, so that whoever adds up its lines adds these.
        '{0}!  - Failed: {1,5}, Passed: {2,5}, Skipped: {3,5}, Total: {4,5} - {5} {6}' -f
            ($failed ? 'Failed' : 'Passed'), $failed, $passed, $skipped, ($passed + $failed + $skipped), $suite.Name, $Where
    }
    $lacks = @($Result | ForEach-Object { $_.Skipped }) -like "*$Where" | Group-Object | Sort-Object Count -Descending
    if ($lacks) {
        "What cannot be shown ${Where}:"
        $lacks | ForEach-Object { '  {0,4} tests: {1}' -f $_.Count, $_.Name }
    }
    $Result | ForEach-Object { $_.Failures } | ForEach-Object { "FAILED $_" }
}
