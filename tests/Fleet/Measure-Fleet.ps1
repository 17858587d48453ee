<#
.SYNOPSIS
Tries examples/Invoke-QedFleet.ps1 on four hosts with a thousand images each, and measures it.
.DESCRIPTION
The hosts are network namespaces of this machine, reached over SSH: see TestFleet.ps1. It takes root, and some minutes.
First all images are checked by one host, by two, three and four: each as fast as it can, and then each held to the speed of
a slow disk, since hosts that share two processors cannot show what hosts with their own do. Then one host is killed and
the cable of another is pulled when they are half-way, and a second run takes what these have not done.
#>
param(
    # The module's manifest; Build's otherwise.
    [string]$Module,

    # How many images there are in each of twelve folders, which one, two, three or four hosts share evenly.
    [int]$Count = 334,

    # How fast a host reads at most, one image at a time, where it is held to that.
    [long]$BytesPerSecond = 20MB
)

$ErrorActionPreference = 'Stop'
if ($Module) { $env:QED_MODULE = $Module }
. $PSScriptRoot/../Pester/Support.ps1
. $PSScriptRoot/TestFleet.ps1
$script = (Get-Item -LiteralPath $PSScriptRoot/../../examples/Invoke-QedFleet.ps1).FullName
$folder = (New-Item -ItemType Directory -Path (Join-Path ([IO.Path]::GetTempPath()) "qed-fleet-$PID")).FullName
$clock = [Diagnostics.Stopwatch]::new()

function New-Row([int]$HostCount) {
    <# Which folder is whose: the rows that the script takes. #>
    foreach ($number in 0..11) { [pscustomobject]@{ PSComputerName = $names[$number % $HostCount]; Path = "$folder/images/$number" } }
}

function Measure-Run([string]$Name, [int]$HostCount, [hashtable]$Parameter) {
    $clock.Restart()
    $first = $null
    $clean = 0
    New-Row $HostCount | & $script $names[0..($HostCount - 1)] -Connection $connection -Parameter $Parameter | ForEach-Object {
        if (-not $first) { $first = $clock.Elapsed.TotalSeconds }
        if ($_.Status -eq 'Clean') { $clean++ }
    }
'{0}, {1} hosts: {2} images clean, the first after {3:N1} s, all after {4:N1} s' -f $Name, $HostCount, $clean, $first, $clock.Elapsed.TotalSeconds
}

try {
    $fleet = New-TestFleet $folder 4
    $names = $fleet.Hosts.Name
    $connection = Get-TestConnection $fleet
    $image = New-FilledImage "$folder/image.qed"
    foreach ($number in 0..11) {
        $null = New-Item -ItemType Directory -Path "$folder/images/$number"
        foreach ($copy in 1..$Count) { [IO.File]::Copy($image, "$folder/images/$number/$copy.qed") }
    }
    $null = & $script $names -Connection $connection -Path $image -InstallModule

    foreach ($number in 1..4) { Measure-Run 'free' $number @{} }
    $slow = @{ ThrottleLimit = 1; MaximumBytesPerSecond = $BytesPerSecond }
    foreach ($number in 1..4) { Measure-Run 'slow disk' $number $slow }

    $clock.Restart()
    $results = @{}
    foreach ($name in $names) { $results[$name] = [Collections.Generic.List[psobject]]::new() }
    New-Row 4 | & $script $names -Connection $connection -Parameter $slow -TimeoutSeconds 20 -ErrorVariable failures -ErrorAction SilentlyContinue | ForEach-Object {
        $own = $results[$_.PSComputerName]
        $own.Add($_)
        if ($own.Count -ne [int]($Count * 1.5)) { return }
        if ($_.PSComputerName -eq $names[0]) { Stop-TestHost $fleet.Hosts[0] }
        if ($_.PSComputerName -eq $names[1]) { Suspend-TestHost $fleet.Hosts[1] }
    }
    "Two hosts were lost half-way; $([Math]::Round($clock.Elapsed.TotalSeconds, 1)) s in all:"
    $failures | ForEach-Object { "  $($_.FullyQualifiedErrorId): $_" }
    foreach ($name in $names) {
        $left = @($results[$name] | Where-Object ErrorId -eq 'NotDone')
        "  $name $($results[$name].Count - $left.Count) done, $($left.Count) not done, $(@($results[$name].Path | Sort-Object -Unique).Count) images"
    }

    Start-TestHost $fleet $fleet.Hosts[0]
    Resume-TestHost $fleet.Hosts[1]
    $clock.Restart()
    $left = $results.Values | ForEach-Object { $_ } | Where-Object ErrorId -eq 'NotDone'
    $again = $left | & $script $names -Connection $connection
    "The second run: $(@($again | Where-Object Status -eq 'Clean').Count) clean of $(@($left).Count) that were not done, $([Math]::Round($clock.Elapsed.TotalSeconds, 1)) s."
}
finally {
    if ($fleet) { Remove-TestFleet $fleet }
    Remove-Item -LiteralPath $folder -Recurse -Force
}
