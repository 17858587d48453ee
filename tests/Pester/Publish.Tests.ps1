# The way to the users, rehearsed against a folder: publish, install, run, update, remove. Each step that a user would
# take in a session of its own has a process of its own.

BeforeAll {
    . $PSScriptRoot/Support.ps1
    $module = Split-Path (Get-QedManifest)
    $version = (Import-PowerShellDataFile -LiteralPath (Get-QedManifest)).ModuleVersion
    $next = '{0}.{1}.{2}' -f ([version]$version).Major, ([version]$version).Minor, (([version]$version).Build + 1)
    $build = Join-Path (Get-Item -LiteralPath $PSScriptRoot/../..).FullName build.ps1

    function Use-EmptyHome {
        <# Lets processes that are started from here on have no modules, repositories and caches but their own. #>
        $env:HOME = New-Folder
        # Where such a folder does not exist, .NET gives none, and relative names end up in the current one.
        $folders = @{ DATA = '.local/share'; CONFIG = '.config'; CACHE = '.cache' }
        foreach ($use in $folders.Keys) {
            Set-Item -LiteralPath "env:XDG_${use}_HOME" (New-Item -ItemType Directory -Path (Join-Path $env:HOME $folders[$use])).FullName
        }
        $env:DOTNET_NOLOGO = '1'
        $env:PSModulePath = ''
    }

    $variables = 'env:HOME', 'env:XDG_DATA_HOME', 'env:XDG_CONFIG_HOME', 'env:XDG_CACHE_HOME', 'env:DOTNET_NOLOGO', 'env:PSModulePath'
    $before = Get-Item $variables -ErrorAction Ignore

    function Step([string]$Script, [hashtable]$Value) {
        $assignments = foreach ($name in $Value.Keys) { "`$$name = '$($Value[$name])'" }
        Invoke-Child ([scriptblock]::Create((@($assignments) + $Script) -join "`n"))
    }
}

AfterAll {
    Remove-Item $variables -ErrorAction Ignore
    $before | ForEach-Object { Set-Item -LiteralPath "env:$($_.Name)" $_.Value }
}

# Elsewhere these would change the modules of whoever runs the tests; a machine that is thrown away afterwards may have them.
Describe 'Publishing with PSResourceGet' -Skip:(-not $IsLinux -and -not ($env:CI -and $PSEdition -eq 'Core')) {
    BeforeAll {
        Use-EmptyHome
        $folder = New-Folder
        $use = '$null = New-QedImage (Join-Path $Folder x.qed) 1MB; Test-QedImage (Join-Path $Folder x.qed) -Quiet; (Get-Module Qed).Version.ToString()'
    }

    It 'sends the module there, from where it can be installed' {
        Step @'
Register-PSResourceRepository -Name QedRehearsal -Uri $repository -Trusted
& $build Publish -Repository QedRehearsal -NoBuild | Select-Object -Last 1
$found = Find-PSResource Qed -Repository QedRehearsal
"$($found.Name) $($found.Version)"
Install-PSResource Qed -Repository QedRehearsal
(Get-InstalledPSResource Qed).Version.ToString()
'@ @{ repository = $folder; build = $build } | Should -Be "Qed $version is in QedRehearsal.", "Qed $version", $version
    }

    It 'is found by name in a fresh session, and works' {
        Step "Import-Module Qed; $use" @{} | Should -Be 'True', $version
    }

    It 'is updated to the next version' {
        $copy = Join-Path (New-Folder) Qed
        Copy-Item -LiteralPath $module -Destination $copy -Recurse
        (Get-Content -LiteralPath $copy/Qed.psd1 -Raw).Replace("'$version'", "'$next'") | Set-Content -LiteralPath $copy/Qed.psd1
        Step 'Publish-PSResource -Path $copy -Repository QedRehearsal; Update-PSResource Qed -Repository QedRehearsal' @{ copy = $copy }
        Step "Import-Module Qed; $use" @{} | Should -Be 'True', $next
    }

    It 'is removed, in every version, without a trace' {
        Step @'
Uninstall-PSResource Qed -Version '*'
Unregister-PSResourceRepository -Name QedRehearsal
@(Get-InstalledPSResource Qed -ErrorAction Ignore).Count
@(Get-Module Qed -ListAvailable).Count
'@ @{} | Should -Be 0, 0
    }
}

Describe 'Publishing with PowerShellGet 2' -Skip:(-not $IsLinux) {
    It 'works too: publish, install, run, remove' {
        Use-EmptyHome
        # It packs by way of an empty project for a framework that nobody has any more. These let dotnet do without it.
        Step @'
Register-PSRepository -Name QedRehearsal -SourceLocation $repository -PublishLocation $repository -InstallationPolicy Trusted
$env:NoBuild = $env:DisableImplicitFrameworkReferences = 'true'
Publish-Module -Path $module -Repository QedRehearsal
Install-Module Qed -Repository QedRehearsal -Scope CurrentUser
$null = New-QedImage (Join-Path $Folder x.qed) 1MB
Test-QedImage (Join-Path $Folder x.qed) -Quiet
(Get-Module Qed).Version.ToString()
Uninstall-Module Qed
@(Get-Module Qed -ListAvailable).Count
'@ @{ repository = New-Folder; module = $module } | Should -Be 'True', $version, 0
    }
}
