# Dot-sourced by what runs the suites elsewhere: classes of tests, what came of them, and how it is said.

function Get-TestClass([string[]]$Program, [string[]]$Name) {
    <# The classes in a program of tests, or those with such a name. #>
    $command, [string[]]$first = $Program
    & $command @first -list classes | Where-Object { $_ -match '^Qed\.[\w.]+$' } | Where-Object { -not $Name -or $_.Split('.')[-1] -in $Name }
}

function Select-Class([string[]]$Class, [string[]]$Pattern) {
    <# The classes that have one of the names, which may have wildcards. #>
    $Class | Where-Object { $name = $_; $Pattern.Where({ $name -like "Qed.Tests.$_" }) }
}

function Split-Class([string[]]$Class, [int]$Size) {
    <# Lists of so many classes: those that share a process. #>
    for ($i = 0; $i -lt $Class.Count; $i += $Size) { , $Class[$i..([Math]::Min($i + $Size, $Class.Count) - 1)] }
}

function New-Result([string]$Suite, [string]$Name, [double]$Seconds) {
    <# What came of a process: counts, failures in words, why each skipped test was, and the seconds of each class. #>
    [pscustomobject]@{
        Suite = $Suite; Name = $Name; Passed = 0; Failures = @(); Skipped = @()
        Times = @([pscustomobject]@{ Suite = $Suite; Name = $Name; Seconds = $Seconds })
    }
}

function Add-ClassResult([psobject]$Result, [string]$Path) {
    <# Adds what xUnit has written to a file. #>
    $tests = ([xml](Get-Content -LiteralPath $Path -Raw)).SelectNodes('//test')
    $Result.Passed = @($tests.Where({ $_.result -eq 'Pass' })).Count
    $Result.Failures = @($tests.Where({ $_.result -eq 'Fail' }).ForEach({ "$($_.name): $($_.failure.message.InnerText)" }))
    $Result.Skipped = @($tests.Where({ $_.result -eq 'Skip' }).ForEach({ "$($_.reason.InnerText)" }))
    $Result.Times = @($tests | Group-Object type | ForEach-Object {
            [pscustomobject]@{ Suite = $Result.Suite; Name = $_.Name; Seconds = ($_.Group.time | Measure-Object -Sum).Sum }
        })
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
