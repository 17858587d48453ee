<#
.SYNOPSIS
Shows on images that it makes itself what the module does: create, fill, check, resize, re-parent, convert and verify.
#>
param(
    # The module's manifest; the installed module otherwise.
    [string]$Module = 'Qed'
)

$ErrorActionPreference = 'Stop'
Import-Module $Module

function Show-Step([string]$Text, [scriptblock]$Command) {
    Write-Host "`n# $Text" -ForegroundColor Green
    Write-Host "PS> $("$Command".Trim())" -ForegroundColor Cyan
    & $Command | Out-Host
}

$folder = Join-Path ([IO.Path]::GetTempPath()) "qed-tour-$([guid]::NewGuid().ToString('N').Substring(0, 8))"
$null = New-Item -ItemType Directory -Path $folder
Push-Location -LiteralPath $folder
try {
    # Something to put into a disk: 24 MiB of data at the start of a 64 MiB raw image, the rest a hole.
    $bytes = [byte[]]::new(24MB)
    [Random]::new(1).NextBytes($bytes)
    [IO.File]::WriteAllBytes("$folder/server.raw", $bytes)
    $stream = [IO.File]::OpenWrite("$folder/server.raw")
    $stream.SetLength(64MB)
    $stream.Dispose()

    Show-Step 'A new, empty disk of 10 GB takes next to no space.' { New-QedImage empty.qed 10GB }
    Show-Step 'A raw image becomes a QED image; every byte is read back and compared.' {
        Convert-QedImage server.raw base.qed -Verify -PassThru
    }
    Show-Step 'Is it sound?' { Test-QedImage base.qed }
    Show-Step 'An overlay holds only what differs from its backing file.' { New-QedImage overlay.qed -BackingPath base.qed }
    Show-Step 'It grows in place.' { Resize-QedImage overlay.qed 128MB -PassThru }
    Show-Step 'It shrinks only when told to: this is refused.' {
        try { Resize-QedImage overlay.qed 16MB -ErrorAction Stop } catch { $_.Exception.Message }
    }
    Show-Step 'The chain, from the top down.' { Get-QedImageInfo overlay.qed -BackingChain }
    Show-Step 'Off its backing file: what came from there is copied in first, and the guest sees no difference.' {
        Set-QedBackingFile overlay.qed -None -Confirm:$false -PassThru
    }
    Show-Step 'Back to raw, verified; the hole is a hole again.' {
        Resize-QedImage overlay.qed 64MB -AllowShrink -Confirm:$false
        Convert-QedImage overlay.qed copy.raw -Verify -PassThru
    }
    Show-Step 'The same bytes as at the start?' {
        (Get-FileHash server.raw).Hash -eq (Get-FileHash copy.raw).Hash
    }
    Show-Step 'All images at once, in parallel.' { Get-ChildItem *.qed | Test-QedImage }
    if ((Get-FileHash server.raw).Hash -ne (Get-FileHash copy.raw).Hash) { throw 'The copy differs from the original.' }
}
finally {
    Pop-Location
    Remove-Item -LiteralPath $folder -Recurse -Force
}
