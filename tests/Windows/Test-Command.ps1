<#
.SYNOPSIS
Runs qed.exe as its users do, from PowerShell: the tour, and an image whose name no code page has whole.
#>
param(
    # The program.
    [Parameter(Mandatory)] [string]$Command,
    # Where the image is made.
    [Parameter(Mandatory)] [string]$Folder
)

$ErrorActionPreference = 'Stop'
$tour = & $Command demo
if ($LASTEXITCODE -ne 0 -or "$tour" -notmatch 'Images are identical') { throw "The tour ended with ${LASTEXITCODE}: $tour" }

$path = Join-Path $Folder "gr$([char]0xf6)$([char]0xdf)e $([char]0x5927) $([char]::ConvertFromUtf32(0x1f4be)).qed"
& $Command create -q -f qed $path 1M
$info = & $Command info --output=json $path | ConvertFrom-Json
if ($info.filename -cne $path) { throw "'$path' has become '$($info.filename)'." }
'The tour was right, and the name came back whole.'
