@{
    # One module, two builds: PowerShell 7.4 and later, and Windows PowerShell 5.1.
    RootModule           = if ($PSEdition -eq 'Core') { 'bin/net8.0/Qed.PowerShell.dll' } else { 'bin/netstandard2.0/Qed.PowerShell.dll' }
    ModuleVersion        = '0.1.0'
    GUID                 = '6f0d7f6e-2f7b-4f0e-9a63-3c5a1c6f9e21'
    Author               = 'The Qed developers'
    CompanyName          = 'The Qed developers'
    Copyright            = '(c) 2026 The Qed developers. MIT licence.'
    Description          = 'Create, inspect, check, convert, resize and re-parent disk images in the QEMU Enhanced Disk (QED) format, with no QEMU and no Hyper-V role installed.'
    PowerShellVersion    = '5.1'
    CompatiblePSEditions = @('Core', 'Desktop')
    FormatsToProcess     = @('Qed.Format.ps1xml')
    FunctionsToExport    = @()
    CmdletsToExport      = @(
        'Compare-QedImage'
        'Convert-QedImage'
        'Copy-QedImageContent'
        'Get-QedImageInfo'
        'Get-QedImageMap'
        'Measure-QedImage'
        'New-QedImage'
        'Repair-QedImage'
        'Resize-QedImage'
        'Set-QedBackingFile'
        'Test-QedImage'
    )
    VariablesToExport    = @()
    AliasesToExport      = @()
    PrivateData          = @{
        PSData = @{
            Tags       = @('QED', 'QEMU', 'disk', 'image', 'virtualization', 'VHD', 'Windows', 'Linux', 'PSEdition_Core', 'PSEdition_Desktop')
            LicenseUri = 'https://opensource.org/license/mit'
        }
    }
}
