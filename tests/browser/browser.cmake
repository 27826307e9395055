# The page in Debian's Chromium, driven by playwright-core (pinned by package-lock.json).
find_program(CHROMIUM chromium)
set(BROWSER_BUILD ${CMAKE_CURRENT_BINARY_DIR}/browser)
if(HEAPSIM_PAGE AND CHROMIUM AND NOT HEAPSIM_SANITIZE)
  file(GLOB BROWSER_SOURCES CONFIGURE_DEPENDS browser/*.mjs)
  add_custom_command(
    OUTPUT ${BROWSER_BUILD}/node_modules/.package-lock.json
    COMMAND ${CMAKE_COMMAND} -E make_directory ${BROWSER_BUILD}
    COMMAND ${CMAKE_COMMAND} -E copy package.json package-lock.json .npmrc
            ${BROWSER_BUILD}
    COMMAND ${CMAKE_COMMAND} -E chdir ${BROWSER_BUILD} ${NPM} ci --ignore-scripts
            --loglevel=error
    WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}/browser
    DEPENDS browser/package-lock.json)
  add_custom_target(browser_packages ALL
    COMMAND ${CMAKE_COMMAND} -E copy ${BROWSER_SOURCES} ${BROWSER_BUILD}
    DEPENDS ${BROWSER_BUILD}/node_modules/.package-lock.json ${BROWSER_SOURCES})
  add_test(NAME browser COMMAND ${NODE} --test ${BROWSER_BUILD}/page.test.mjs)
  set_tests_properties(test_report_html PROPERTIES FIXTURES_SETUP pages)
  set_tests_properties(
    browser PROPERTIES FIXTURES_REQUIRED pages TIMEOUT 600
    ENVIRONMENT "HEAPSIM=$<TARGET_FILE:heapsim>;PAGES=${CMAKE_CURRENT_BINARY_DIR};CHROMIUM=${CHROMIUM}")
endif()
