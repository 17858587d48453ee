# Runs one test file and leaves a summary as JSON, for those who cannot read Pester's objects.
param(
    [Parameter(Mandatory)] [string]$Path,
    # The folder of the Pester module; the newest installed one otherwise.
    [string]$Pester = 'Pester',
    [Parameter(Mandatory)] [string]$ResultPath
)

# Preferences set here would reach the tests.
$manifest = Join-Path $Pester 'Pester.psd1'
Import-Module $(if (Test-Path -LiteralPath $manifest) { $manifest } else { 'Pester' }) -ErrorAction Stop
$configuration = New-PesterConfiguration
$configuration.Run.Path = $Path
$configuration.Run.PassThru = $true
$configuration.Output.Verbosity = 'None'
$result = Invoke-Pester -Configuration $configuration

$failures = @(
    foreach ($test in $result.Tests.Where({ $_.Result -eq 'Failed' })) {
        "$($test.ExpandedPath): $($test.ErrorRecord)"
    }
    foreach ($block in @($result.FailedBlocks) + @($result.FailedContainers)) {
        "$($block.ErrorRecord)"
    }
)
@{
    Passed   = $result.PassedCount
    Skipped  = @($result.Tests.Where({ $_.Result -in 'Skipped', 'NotRun', 'Inconclusive' }) | ForEach-Object { "$($_.ExpandedPath): $($_.ErrorRecord)" })
    Failures = $failures
} | ConvertTo-Json | Set-Content -LiteralPath $ResultPath
