<#
.SYNOPSIS
Lets QEMU read what Convert-Matrix.ps1 has made, and counts the conversions that are the disk that they were made from.
#>
param([Parameter(Mandatory)] [string]$Folder)

$PSNativeCommandUseErrorActionPreference = $false
$results = foreach ($image in Get-ChildItem -LiteralPath $Folder -Filter '*-*' | Where-Object { $_.Name -notlike 'disk-*' }) {
    $format = $image.Extension.TrimStart('.')
    $said = & qemu-img compare -f raw -F ($format -eq 'vhd' ? 'vpc' : $format) "$Folder/disk.raw" $image.FullName 2>&1
    [pscustomobject]@{ Name = $image.Name; Same = $LASTEXITCODE -eq 0 -and "$said" -notmatch 'mismatch'; Said = "$said" }
}
$conversions = 42
[pscustomobject]@{
    Same      = @($results.Where({ $_.Same })).Count
    Different = @($results.Where({ -not $_.Same }).ForEach({ "$($_.Name): $($_.Said)" })) +
        @(if (@($results).Count -ne $conversions) { "there are $(@($results).Count) conversions, and not $conversions" })
}
